"""How parts become bytes, and that cloud-init's way of reading gets them back."""

import email
import gzip
import random

import pytest

from userdata import mime
from userdata.errors import UserDataError
from userdata.kinds import Part

CONFIG = Part("cloud-config.yaml", "text/cloud-config", "#cloud-config\nruncmd: [ls]\n")
SCRIPT = Part("hello.sh", "text/x-shellscript", "#!/bin/sh\necho hi\n")
UMLAUT = Part("gruss.sh", "text/x-shellscript", "#!/bin/sh\necho 'Grüße'\n")
NOISE = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=40_000))


def read_back(built):
    """As cloud-init reads it: a text of ASCII, walked part by part."""
    message = email.message_from_string(built.content.decode("ascii"))
    return [
        Part(p.get_filename(), p.get_content_type(), p.get_payload(decode=True).decode())
        for p in message.walk()
        if not p.is_multipart()
    ]


def test_one_part_stays_as_it_is():
    built = mime.pack([CONFIG])
    assert built.content == CONFIG.content.encode()
    assert built.parts == (mime.PartSize("cloud-config.yaml", "text/cloud-config", 27),)


def test_several_parts_come_back_in_their_order():
    assert read_back(mime.pack([CONFIG, SCRIPT, UMLAUT])) == [CONFIG, SCRIPT, UMLAUT]


def test_a_part_without_a_newline_at_its_end_comes_back_as_it_was():
    bare = Part("bare.sh", "text/x-shellscript", "#!/bin/sh\necho 'ä' = b ")
    assert read_back(mime.pack([CONFIG, bare])) == [CONFIG, bare]


def test_equal_parts_give_equal_bytes_and_other_parts_another_boundary():
    assert mime.pack([CONFIG, SCRIPT]).content == mime.pack([CONFIG, SCRIPT]).content
    first = mime.pack([CONFIG, SCRIPT]).text.splitlines()[0]
    assert first != mime.pack([CONFIG, UMLAUT]).text.splitlines()[0]


def test_over_the_limit_it_is_compressed_without_a_time_in_it():
    large = Part("large.sh", "text/x-shellscript", "#!/bin/sh\n" + "echo again\n" * 3000)
    built = mime.pack([CONFIG, large])
    assert built.compressed
    assert gzip.decompress(built.content).decode() == built.text
    assert built.content[4:8] == bytes(4)


def test_what_is_too_large_even_compressed_is_refused_with_the_size_of_each_part():
    noise = Part("noise.sh", "text/x-shellscript", NOISE)
    with pytest.raises(UserDataError) as refused:
        mime.pack([CONFIG, noise])
    assert "cloud-config.yaml 27 bytes, noise.sh 40000 bytes" in str(refused.value)
    assert "EC2 takes 16384" in str(refused.value)
