// The mask editor in a notebook.

import editor from "../mask/editor.js";
import { inNotebook } from "./tail.js";

export default inNotebook(editor);
