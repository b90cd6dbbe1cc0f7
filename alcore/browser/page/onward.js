// Goes to another address of this app, as a link that is pressed by itself.

/** @import { Told } from "../shared/mount.js" */
/** @import { OnwardData } from "../shared/types.js" */

/** @param {Told<OnwardData>} told */
export default function ({ data }) {
  location.replace(new URL(data.address, document.baseURI));
}
