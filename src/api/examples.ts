/** The examples of `/openapi.json`; a test checks each of them against its schema. */

const TOKEN = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl";

export const tokens = { accessToken: TOKEN, refreshToken: TOKEN };

export const ada = {
  id: 1,
  username: "ada",
  created_at: "2026-11-22 20:31:07",
  updated_at: "2026-11-22 20:31:07",
};

export const adasSession = {
  id: "019ab5f2-5c7e-7cc3-98c4-dc0c0c07398f",
  created_at: "2026-11-22 20:31:07",
  last_used_at: "2026-11-22 21:31:07",
  expires_at: "2026-12-22 20:31:07",
  user_agent: "curl/7.88.1",
  address: "127.0.0.1",
  current: true,
};
