// The map in a notebook.

import map from "../map/map.js";
import { inNotebook } from "./tail.js";

export default inNotebook(map);
