// Selections that travel from page to page: numbers of images, kept by the server under a short name.

/** @import { Api } from "./api.js" */

/**
 * Keeps a selection and gives its name.
 * @param {Api} api
 * @param {string} project
 * @param {number[]} ids
 * @returns {Promise<string>}
 */
export async function keep(api, project, ids) {
  return (await api.post(api.url(["projects", project, "selections"]), { ids })).among;
}

/**
 * The images of a kept selection.
 * @param {Api} api
 * @param {string} project
 * @param {string} among its name
 * @returns {Promise<number[]>}
 */
export async function kept(api, project, among) {
  return (await api.json(api.url(["projects", project, "selections", among]))).ids;
}
