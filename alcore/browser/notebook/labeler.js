// The labeler in a notebook.

import labeler from "../label/labeler.js";
import { inNotebook } from "./tail.js";

export default inNotebook(labeler);
