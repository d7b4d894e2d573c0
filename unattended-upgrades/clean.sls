include:
  - .readiness.clean
  - .grain.clean
  - .service.clean
  - .config.clean
  - .package.clean
