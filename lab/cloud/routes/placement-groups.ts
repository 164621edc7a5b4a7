import { body, param, type Routes, readAndRename } from "../api.ts";
import { answerList } from "../listing.ts";
import { createPlacementGroup, rename } from "../schemas.ts";
import { viewPlacementGroup } from "../views.ts";

export const placementGroups: Routes = (app, parts) => {
  const { store } = parts;
  const view = (id: string) => viewPlacementGroup(store, store.get("placement_groups", id));
  readAndRename(app, parts, { collection: "placement_groups", schema: rename, view });

  app.get("/placement_groups", (c) =>
    answerList(c, "placement_groups", store.records.placement_groups, (group) =>
      viewPlacementGroup(store, group),
    ),
  );

  app.post("/placement_groups", async (c) => {
    const input = await body(c, createPlacementGroup);
    const group = { ...store.named("placement_groups", input), type: input.type };
    store.records.placement_groups.push(group);
    return c.json({ placement_group: viewPlacementGroup(store, group), action: null }, 201);
  });

  app.delete("/placement_groups/:id", (c) => {
    const { id } = store.get("placement_groups", param(c, "id"));
    for (const server of store.records.servers)
      if (server.placement_group === id) server.placement_group = null;
    store.remove("placement_groups", id);
    return c.body(null, 204);
  });
};
