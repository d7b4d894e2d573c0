include:
  - .package
  - .config
  - .service
  - .grain
