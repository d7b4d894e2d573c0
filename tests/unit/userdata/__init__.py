"""What new instances boot with: settings, composing, documents."""
