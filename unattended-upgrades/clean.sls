include:
  - .readiness.clean
  - .service.clean
  - .config.clean
  - .package.clean
