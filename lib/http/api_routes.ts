import { DOCUMENTATION_ROUTES } from "./documentation_routes.ts";
import { HEALTH_ROUTES } from "./health_routes.ts";
import { INFER_ROUTE } from "./infer_route.ts";
import { INVOCATION_ROUTES } from "./invocation_routes.ts";
import { METRICS_ROUTE } from "./metrics_route.ts";
import { MODEL_ROUTES } from "./model_routes.ts";
import { PIPELINE_ROUTES } from "./pipeline_routes.ts";
import { REPOSITORY_ROUTES } from "./repository_routes.ts";
import type { Route } from "./route.ts";

/** Everything that is answered, in the order in which routes are tried. */
export const API_ROUTES: readonly Route[] = [
  INFER_ROUTE,
  ...HEALTH_ROUTES,
  ...MODEL_ROUTES,
  ...REPOSITORY_ROUTES,
  ...INVOCATION_ROUTES,
  METRICS_ROUTE,
  ...PIPELINE_ROUTES,
  ...DOCUMENTATION_ROUTES,
];
