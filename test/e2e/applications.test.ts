/** The whole stack, as `make up` leaves it and as applications use it; where its secrets are. */
import "./kubernetes/as-made.ts";
import "./kubernetes/services.ts";
import "./kubernetes/supabase.ts";
import "./kubernetes/lost-node.ts";
import "./kubernetes/no-secret-leaks.ts";
