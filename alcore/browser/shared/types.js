// What crosses a boundary: what the HTTP API answers and takes, and what Python hands a part as data. Types only.

export {};

/** @typedef {"label" | "skip" | "flag" | "undo" | "mask" | "region"} EventKind */
/** @typedef {[number, number, number]} Rgb 0 to 255 each */

// ---- GET /projects/{project}/queue, and an item by itself

/**
 * The effective answer of an item.
 * @typedef {object} StateTold
 * @property {string | null} label a class, or the digest of a mask
 * @property {boolean} skipped
 * @property {boolean} flagged
 */
/**
 * An event of the journal that nobody took back.
 * @typedef {object} EventTold
 * @property {number} id
 * @property {EventKind} kind
 * @property {string | null} value
 * @property {string} annotator
 * @property {number | null} round
 */
/**
 * A score of an item: 100 is the most wanted percentile.
 * @typedef {object} Detail
 * @property {string} name
 * @property {string} [title]
 * @property {number} value
 * @property {string} [unit]
 * @property {number} [low]
 * @property {number} [high]
 * @property {number} rank
 * @property {number} of
 * @property {number} percentile
 */
/**
 * A score that an image has as a whole, in a project of masks.
 * @typedef {{name: string, title: string, value: number, low: number, high: number}} FrameScore
 */
/**
 * A score of each pixel, as a grey picture: 0 is low, 255 is high.
 * @typedef {{name: string, title: string, unit?: string, low: number, high: number, address: string}} Layer
 */
/** @typedef {{name: string, title: string, address: string}} Head what a head of the model sees, a picture of class indices */
/**
 * An item, and what the round thinks of it. Those below `mask` are there in projects of masks.
 * @typedef {object} ItemTold
 * @property {number} id
 * @property {string} path
 * @property {string} [name] what people see of the path
 * @property {string} image address of the picture
 * @property {number} width
 * @property {number} height
 * @property {number | null} rank
 * @property {number | null} of
 * @property {string | null} draft the class the model would give
 * @property {[string, number][]} top
 * @property {string} reason
 * @property {Record<string, number>} scores
 * @property {Detail[]} details
 * @property {StateTold} state
 * @property {EventTold[]} [events] oldest first
 * @property {boolean} [disputed]
 * @property {string | null} [mask] address of its mask
 * @property {string | null} [draft_mask] address of the model's mask
 * @property {Layer[]} [layers]
 * @property {Head[]} [heads]
 * @property {FrameScore[]} [frame]
 * @property {number[][] | null} [regions] run lengths over the whole picture, the first run being outside; null: all of it is asked for
 */
/** @typedef {{round: number, remaining: number | null}} RoundTold how many of a round are open; null where that is not known yet */
/**
 * A query. Those below `done` are there when `done` or a round was asked for, `colors` and `unit` in projects of masks.
 * @typedef {object} QueueTold
 * @property {string} project
 * @property {number | null} round
 * @property {number} remaining
 * @property {number} total
 * @property {number} labeled items of the project
 * @property {string[]} classes
 * @property {Rgb[]} [colors]
 * @property {string} [unit]
 * @property {number} [skipped]
 * @property {number} [flagged]
 * @property {ItemTold[]} items
 * @property {ItemTold[]} [done]
 * @property {number} [answered] how many are done in all
 * @property {number} [event] the newest event of the project
 * @property {RoundTold[]} [rounds]
 * @property {number} [disputed] how many items have two answers
 */

// ---- GET /projects/{project}/changes

/** @typedef {{id: number, state: StateTold, events: EventTold[], disputed: boolean}} ChangeTold */
/** @typedef {{event: number, items: ChangeTold[], rounds: RoundTold[], disputed: number}} ChangesTold */

// ---- POST /projects/{project}/annotations, and /items/{item}/mask

/**
 * An event as it is sent; a mask's comes with its bytes.
 * @typedef {object} EventSent
 * @property {number} seq
 * @property {number} item
 * @property {EventKind} kind
 * @property {string | null} [value]
 * @property {number | null} ms how long the person took
 * @property {number | null} round
 * @property {string | null} [replaces] what its author saw on the item; left out where that is not known
 */
/**
 * A stored answer that contradicts what its author had not seen.
 * @typedef {{seq: number, item: number, label: string | null, annotator: string, value: string | null}} Conflict
 */
/** @typedef {{seq: number | null, reason: string}} Refusal seq is null where the event had none */
/** @typedef {{acked?: number[], rejected?: Refusal[], conflicts?: Conflict[], digest?: string}} Receipt the digest is that of a mask */

// ---- GET /projects/{project}/rounds/{round}/columns; a column itself is a raw array whose type is the header x-dtype

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} [title]
 * @property {"number" | "class" | "flag"} kind
 * @property {number} low
 * @property {number} high
 * @property {string} [unit]
 * @property {"low" | "high"} [wanted] the end of which more is asked for
 * @property {string} [help]
 */
/** @typedef {{round: number, count: number, columns: Column[], classes?: string[]}} ColumnsTold */

// ---- data of the mounts (pages/ui/components)

/**
 * @typedef {object} LabelerData
 * @property {string} project
 * @property {string} token
 * @property {string} annotator
 * @property {string[]} classes
 * @property {string} api where the API is mounted
 * @property {"single" | "grid"} mode
 * @property {number | null} round
 * @property {string} identity of the workspace and the project's life
 * @property {string} empty
 */
/** @typedef {Omit<LabelerData, "mode"> & {colors: Rgb[], unit: "frames" | "tiles" | "superpixels"}} MaskEditorData */
/**
 * @typedef {object} MapData
 * @property {string} project
 * @property {string} token
 * @property {number} round
 * @property {string} color name of a column
 * @property {"most" | "least" | "name"} order
 * @property {string[]} classes
 * @property {string} api
 * @property {number} height
 * @property {"auto" | "webgl" | "canvas"} renderer
 */
/** @typedef {{title: string, text: string, images: {image: string, title: string}[]}} GalleryRow */
/** @typedef {{rows: GalleryRow[], token: string, size: number, api: string}} GalleryData */
/** @typedef {{title: string, text: string}} ConnectionData */
/** @typedef {{name: string, value: string}} RememberData */
