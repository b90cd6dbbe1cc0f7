// What crosses a boundary: what the HTTP API answers and takes, and what Python hands a part as data. Types only.

export {};

/** @typedef {"label" | "skip" | "flag" | "undo" | "mask" | "region" | "again"} EventKind */
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
 * @property {number} [at] when it was stored, in seconds since 1970
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
 * @property {boolean} [test] drawn to be tested on: nothing learns from it
 * @property {EventTold[]} [events] oldest first
 * @property {boolean} [disputed]
 * @property {number} [opinions] how many people are to answer it, each without sight of the others
 * @property {number} [again] the image it shows, where a person is asked a second time what they have said of it; its id is of this asking
 * @property {string | null} [mask] address of its mask
 * @property {string | null} [draft_mask] address of the model's mask
 * @property {Layer[]} [layers]
 * @property {Head[]} [heads]
 * @property {FrameScore[]} [frame]
 * @property {number[][] | null} [regions] run lengths over the whole picture, the first run being outside; null: all of it is asked for
 */
/**
 * A project that learns while it is labeled, or has a test slice.
 * @typedef {object} LiveTold
 * @property {boolean} on it learns by itself
 * @property {number} every labels between two rounds
 * @property {number} labeled labels in all, those of the test slice too
 * @property {number | null} learned labels the newest model learned from; null without a model
 * @property {boolean} learning a round is on its way
 * @property {boolean} [waits] and waits for the job of another project
 * @property {number} tested labeled images of the test slice
 * @property {number} test images of it in all
 * @property {string | null} accuracy in words, with its interval
 * @property {boolean} low the interval says little
 * @property {number | null} pace labels a minute
 * @property {string[]} goal how far off what somebody aims at is, in sentences
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
 * @property {Record<string, LookTold>} [looks] of those classes for which somebody chose something
 * @property {number} [classes_at] the newest change of the classes
 * @property {string} [unit]
 * @property {number} [skipped]
 * @property {number} [flagged]
 * @property {ItemTold[]} items
 * @property {ItemTold[]} [done]
 * @property {number} [answered] how many are done in all
 * @property {number} [event] the newest event of the project
 * @property {RoundTold[]} [rounds]
 * @property {number} [disputed] how many items have two answers
 * @property {LiveTold | null} [live]
 * @property {string} [mode] how people share the queue: "shared", "split", or how many answer each image
 * @property {number} [free] where it is shared out, how many are there for this window
 * @property {number} [elsewhere] how many others are on, or have to answer too
 * @property {number} [every] each so manieth item at most is asked a second time
 * @property {number} [more] how many of `items` are
 */

// ---- GET /projects/{project}/changes

/** @typedef {{id: number, state: StateTold, events: EventTold[], disputed: boolean, opinions?: number}} ChangeTold */
/** @typedef {{name: string, item: number | null}} PersonTold somebody else who is here, and the item they look at */
/** @typedef {{color?: string, key?: string, about?: string}} LookTold how a class is shown */
/** @typedef {{event: number, classes_at?: number, items: ChangeTold[], rounds: RoundTold[], disputed: number, live: LiveTold | null, mode?: string, people?: PersonTold[], lapsed?: boolean}} ChangesTold `lapsed`: this window had been taken for gone */

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
 * @property {number} [opinions] how many people were to answer it, each without sight of the others
 */
/**
 * A stored answer that contradicts what its author had not seen.
 * @typedef {{seq: number, item: number, label: string | null, annotator: string, value: string | null}} Conflict
 */
/** @typedef {{seq: number | null, reason: string}} Refusal seq is null where the event had none */
/** @typedef {{acked?: number[], rejected?: Refusal[], conflicts?: Conflict[], digest?: string}} Receipt the digest is that of a mask */

// ---- GET /projects/{project}/items/{item}/why

/**
 * A score, its formula and what is put into it: "" where that is not there.
 * @typedef {Required<Detail> & {help: string, formula: string, put: string, parts: {title: string, value: number}[], worked: number | null, note: string}} ScoreTold
 */
/**
 * Each head's probabilities of the likeliest classes, `rest` of the `more` others, and how far pairs of heads are apart.
 * @typedef {{names: string[], bars: {class: string, p: number[]}[], rest: number[] | null, more: number, pairs: {title: string, a: number, b: number, value: number}[]}} HeadsTold
 */
/** @typedef {{temperature: number, more: number, rows: {class: string, likeness: number, cosine: number, p: number}[]}} PrototypesTold */
/** @typedef {{by: "features" | "embedding" | "", rows: {id: number, name: string, image: string, label: string, cosine: number}[], note: string}} NeighborsTold */
/**
 * Why a round asked for an item, or did not.
 * @typedef {object} WhyTold
 * @property {number} item
 * @property {string} name
 * @property {number} round
 * @property {string} strategy
 * @property {string} title of the strategy
 * @property {number | null} asked its place in the query, from 1
 * @property {number} of
 * @property {string} reason
 * @property {string} missing why nothing can be worked out
 * @property {ScoreTold[]} scores
 * @property {HeadsTold | null} heads
 * @property {PrototypesTold | null} prototypes
 * @property {{logit: number, probability: number} | null} discriminator
 * @property {NeighborsTold} neighbors
 */

// ---- GET and POST /projects/{project}/proposals

/**
 * A method's choice: classes by the model's guess, most first; near duplicates among its images and of labeled ones, null where not known.
 * @typedef {object} ProposalTold
 * @property {string} name
 * @property {string} title
 * @property {number} count
 * @property {[string, number][]} classes
 * @property {number | null} diversity
 * @property {number | null} within
 * @property {number | null} beside
 * @property {{id: number, image: string, guess: string}[]} pictures
 */
/**
 * @typedef {object} ComparedTold
 * @property {"done"} state
 * @property {number} round
 * @property {number} size
 * @property {number} seen images that may be asked for
 * @property {ProposalTold[]} proposals
 * @property {number[][]} overlap
 * @property {string[]} others
 * @property {"features" | "embedding"} by
 * @property {number | null} seconds a label
 * @property {boolean} newer another round has looked since
 * @property {number} answered labels given since
 */
/** @typedef {ComparedTold | {state: "none"} | {state: "failed", error: string} | {state: "running", done: number, total: number, message: string}} ComparisonTold */

// ---- GET /projects/{project}/rounds/{round}/columns; a column itself is a raw array whose type is the header x-dtype

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} [title]
 * @property {"number" | "class" | "order" | "flag"} kind an order is of values that come one after the other
 * @property {number} low
 * @property {number} high
 * @property {string} [unit]
 * @property {"low" | "high"} [wanted] the end of which more is asked for
 * @property {string} [help]
 * @property {string[]} [names] what the values are called, where they are no classes
 * @property {string[]} [colors] #rrggbb of each class, empty for the usual one
 */
/** @typedef {number | null} Coordinate null for a point that is not on that map */
/** @typedef {{rounds: number[], x: Coordinate[][], y: Coordinate[][]}} TrailsTold GET /projects/{project}/trails: places by round, then item */
/** @typedef {{round: number, count: number, columns: Column[], classes?: string[]}} ColumnsTold */

// ---- POST /learn/films and /learn/questions

/**
 * A stage of a strategy's training.
 * @typedef {object} StageTold
 * @property {string} name
 * @property {number} from its first step
 * @property {number} to its last step
 * @property {Record<string, number[]>} losses name -> one number a step
 */
/**
 * @typedef {object} FilmTold
 * @property {string} film its name, in the address of its frames
 * @property {string} strategy
 * @property {number} side of a field, in cells
 * @property {number} reach of the square that fields are of, from its middle
 * @property {number} steps
 * @property {number} classes
 * @property {[number, number][]} points
 * @property {number[]} y class of each point
 * @property {StageTold[]} stages
 * @property {[string, "float32" | "int16" | "uint8", number[]][]} planes of a frame: name, kind and shape
 * @property {number} frame_bytes
 * @property {Record<string, [number, number]>} weights shape of each head's
 * @property {number[]} unlabeled
 * @property {Record<string, number[]>} scores of the unlabeled points at the end
 * @property {number[]} query what it asks for at the end
 * @property {number} accuracy of the task model at the end
 */
/** @typedef {{point: number, before: number, after: number}} AskedTold what a strategy asks for, and how right the plain model is before and after that label */
/** @typedef {{asked: Record<string, AskedTold>}} QuestionTold */

// ---- data of the mounts (pages/ui/components, alcore/widget)

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
 * @property {Record<string, LookTold>} [looks] of those classes for which somebody chose something
 * @property {number} [pace] milliseconds between two looks at what others said
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
 * @property {{number: number, title: string}[]} [rounds] those with a map, oldest first
 * @property {boolean} [moves] points lie elsewhere from round to round
 * @property {string} [among] the name of a kept selection to select
 * @property {boolean} [opens] there is a page of all images, on which a selection can be opened
 */
/** @typedef {{title: string, text: string, images: {image: string, title: string}[]}} GalleryRow */
/** @typedef {{rows: GalleryRow[], token: string, size: number, api: string}} GalleryData */
/** @typedef {{title: string, help: string, file: string, name: string, token: string, api: string}} DownloadData */
/** @typedef {{project: string, token: string, api: string, size: number, open: number}} ProposalsData */
/** @typedef {{name: string, title: string}} Named */
/**
 * A change of a strategy, and what it does: as one sees it, and as measured.
 * @typedef {Named & {strategy: string, params: Record<string, unknown>, why: string, measured: string}} SwitchData
 */
/** @typedef {{token: string, api: string, kinds: Named[], strategies: Named[], strategy: string, switches: SwitchData[]}} LearnData */
/** @typedef {"viewer" | "annotator" | "owner"} Role what somebody may do */
/**
 * @typedef {object} ImagesData
 * @property {string} project
 * @property {string} token
 * @property {string} api
 * @property {string} annotator
 * @property {Role} role of who looks at it
 * @property {string} identity of the workspace and the project's life
 * @property {boolean} dense images have masks
 * @property {string} view the address of the view to begin with
 */
/** @typedef {{project: string, token: string, api: string, role: Role, identity: string}} ClassesData */
/** @typedef {{title: string, text: string}} ConnectionData */
/** @typedef {{name: string, value: string}} RememberData */
/** @typedef {{address: string}} OnwardData */

/** @typedef {{id: number, image: string}} ClassItem an image of a class in one room */
/**
 * What a student is to do; `wait` is "learning" or "done" where there is nothing though the class is running.
 * @typedef {object} ClassNext
 * @property {string} state
 * @property {number} era
 * @property {ClassItem[]} items
 * @property {string} wait
 * @property {number} answered
 * @property {string} name
 * @property {string} team
 * @property {string[]} [classes]
 * @property {string} [project]
 * @property {string} [acked] the answer that the server has
 * @property {boolean} [counted] whether it is the team's label
 */
/**
 * `curve` has [labels, right, of, low, high] of every time the team's model learned.
 * @typedef {object} ClassTeam
 * @property {string} name
 * @property {string} title
 * @property {string} strategy
 * @property {number} labels
 * @property {number} students
 * @property {boolean} learning
 * @property {string} problem
 * @property {number[][]} curve
 */
/** @typedef {{name: string, team: string, answered: number, here: boolean}} ClassStudent */
/**
 * @typedef {object} ClassBoard
 * @property {string} project
 * @property {string} mode
 * @property {string} state
 * @property {number} era
 * @property {number} students
 * @property {number} pool
 * @property {ClassTeam[]} teams
 * @property {ClassStudent[]} [names]
 */
/** @typedef {{code: string, link: string, qr: string, warning: string}} ClassInvitation */
/** @typedef {{token: string, api: string, projects: Named[]}} ClassroomData */
/**
 * An upload: `have` of its bytes are there; `done` of `total` are unpacked; `source` is what an import takes.
 * @typedef {object} UploadTold
 * @property {string} upload its name
 * @property {"receiving" | "unpacking" | "fetching" | "stopped" | "refused" | "done"} state
 * @property {number} files
 * @property {number} bytes
 * @property {number} have
 * @property {string} source
 * @property {string[]} notes
 * @property {string} error
 * @property {string} address where it is fetched from, "" for what a browser sent
 * @property {number} [done]
 * @property {number} [total]
 * @property {string} [message]
 */
/** @typedef {{name: string, path: string, images: number, more: boolean}} FolderTold */
/** @typedef {{at: string, up: string | null, images: number, folders: FolderTold[], cut: boolean}} ListingTold */
/** @typedef {{token: string, api: string}} UploadData */
