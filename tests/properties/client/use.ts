// What a front end does with the client. It is compiled and not run: each line holds the document to something that a
// caller counts on, and each @ts-expect-error to something that must not be.
import createClient from "openapi-fetch";
import type { components, paths } from "./lyceum.js";

const api = createClient<paths>({ baseUrl: "http://127.0.0.1:8080", credentials: "include" });

type Problem = components["schemas"]["Problem"];

export async function learn(): Promise<string> {
  const signedIn = await api.POST("/api/v1/auth/login", { body: { identifier: "ada", password: "difference engine 1" } });
  if (signedIn.error) {
    const problem: Problem = signedIn.error;
    return `${problem.code}: ${problem.errors?.map((error) => error.pointer).join(", ") ?? problem.detail}`;
  }
  const name: string = signedIn.data.user.display_name ?? signedIn.data.user.username;

  // Lists are pages.
  let cursor: string | null = null;
  const titles: string[] = [];
  do {
    const page: { data?: { items: { title: string }[]; next_cursor?: string | null } } = await api.GET("/api/v1/courses", {
      params: { query: { limit: 100, ...(cursor === null ? {} : { cursor }) } },
    });
    titles.push(...(page.data?.items ?? []).map((course) => course.title));
    cursor = page.data?.next_cursor ?? null;
  } while (cursor !== null);

  const course = await api.GET("/api/v1/courses/{course}", { params: { path: { course: "learning-to-learn" } } });
  const lesson = course.data?.outline[0];
  if (!course.data || !lesson) return name;

  const recorded = await api.PUT("/api/v1/lessons/{id}/progress", {
    params: { path: { id: lesson.id } },
    body: { status: "completed" },
  });
  const percent: number = recorded.data?.course.completion_percent ?? 0;

  const answer = await api.POST("/api/v1/ai/chat", {
    params: { header: { "Idempotency-Key": "one" } },
    body: { prompt: "What is recall?", lesson_id: lesson.id, course_id: course.data.id },
  });
  if (answer.response.status === 429) return `again in ${answer.response.headers.get("Retry-After")} s`;
  const said = typeof answer.data === "object" ? answer.data.response : "";

  const changed = await api.PATCH("/api/v1/users/me", {
    params: { header: { "If-Match": `"${signedIn.data.user.version}"` } },
    body: { display_name: null, locale: "de" },
  });
  const tag: string | null = changed.response.headers.get("ETag");

  // @ts-expect-error: a question needs its words
  await api.POST("/api/v1/ai/chat", { body: { lesson_id: lesson.id } });
  // @ts-expect-error: there is no such address
  await api.GET("/api/v1/nothing");
  // @ts-expect-error: the language of an account can be changed, not taken away
  await api.PATCH("/api/v1/users/me", { body: { locale: null } });
  // @ts-expect-error: an answer of the mentor has no such member
  void (typeof answer.data === "object" && answer.data.text);

  return `${name} ${percent} ${tag} ${said} ${titles.length}`;
}

// The wire format of OpenAI, whose errors have another form.
export async function complete(): Promise<string> {
  const answer = await api.POST("/openai/v1/chat/completions", {
    body: { model: "lyceum-mentor", messages: [{ role: "user", content: "What is recall?" }] },
  });
  if (answer.error) return answer.error.error.message;
  return typeof answer.data === "object" ? (answer.data.choices[0]?.message.content ?? "") : answer.data;
}
