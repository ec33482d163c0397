// Shows the document of this gateway. Tokens stay in the page: they are gone when it is closed.
SwaggerUIBundle({
  dom_id: "#api",
  url: "/api-docs/openapi.json",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  validatorUrl: null,
});
