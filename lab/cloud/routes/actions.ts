import { param, type Routes } from "../api.ts";
import { notFound, removedEndpoint } from "../errors.ts";
import { answerPage } from "../listing.ts";

export const actions: Routes = (app, { store }) => {
  app.get("/actions", (c) => {
    const ids = (c.req.queries("id") ?? []).map(Number);
    if (ids.length === 0)
      throw removedEndpoint(
        "actions can only be listed by id",
        "2023-07-20-actions-list-endpoint-is-deprecated",
      );
    const statuses = c.req.queries("status") ?? [];
    const found = store.records.actions.filter(
      ({ id, status }) => ids.includes(id) && (statuses.length === 0 || statuses.includes(status)),
    );
    return answerPage(c, "actions", found, (action) => action);
  });

  app.get("/actions/:id", (c) => {
    const id = param(c, "id");
    const action = store.records.actions.find((one) => one.id === Number(id));
    if (action === undefined) throw notFound("action", id);
    return c.json({ action });
  });
};
