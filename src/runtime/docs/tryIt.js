// Runs in the page at /docs. SwaggerUIBundle is swagger-ui.js, which the page loads before this.
const ui = globalThis.SwaggerUIBundle({
  url: "openapi.json",
  domNode: document.getElementById("page"),
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // A login, refresh or rotation hands its tokens to the calls that follow. They stay in this page's memory only.
  responseInterceptor(response) {
    for (const scheme of ["accessToken", "refreshToken"]) {
      const token = response.body?.data?.[scheme];
      if (typeof token === "string") ui.preauthorizeApiKey(scheme, token.replace(/^Bearer /, ""));
    }
    return response;
  },
});
