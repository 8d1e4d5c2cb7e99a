// Drives a running server with its published client, through everything that the
// client and the server both have. published_test.go says where the server is
// (PORTCULLIS_URL) and the client (PORTCULLIS_CLIENT), and who signs in.
"use strict";

const { program } = require("./client.cjs");

(async () => {
  const w = { admin: program(process.env.PORTCULLIS_TOKEN), password: process.env.PORTCULLIS_PASSWORD };
  w.enrollment = (await w.admin.flows.flowsInstancesRetrieve({ slug: "enrollment" })).pk;
  for (const chapter of ["people", "stages", "policies", "flows", "notifications", "applications", "rest"]) {
    await require(`./${chapter}.cjs`)(w);
  }
})().catch((e) => {
  console.error(e);
  process.exitCode = 1;
});
