/** Which objects a message has met already, and the number of each. */

/** Up to so many objects, finding one in a list is quicker than in a Map. */
const LIST_LIMIT = 16;

export class ObjectNumbers {
  /** Numbers given so far. */
  count = 0;
  // The first objects, by number; from LIST_LIMIT on all are in the Map.
  #list: unknown[] = [];
  #map = new Map<unknown, number>();

  /** The number of an object met before, or -1 for a new one, which then gets the next number. */
  give(object: unknown): number {
    const list = this.#list;
    const count = this.count;
    if (count < LIST_LIMIT) {
      for (let i = 0; i < count; i++) if (list[i] === object) return i;
      list[count] = object;
      this.count = count + 1;
      return -1;
    }
    const map = this.#map;
    if (count === LIST_LIMIT && map.size === 0) for (let i = 0; i < count; i++) map.set(list[i], i);
    const number = map.get(object);
    if (number !== undefined) return number;
    map.set(object, count);
    this.count = count + 1;
    return -1;
  }

  /** As `give`, without giving a number. */
  find(object: unknown): number {
    if (this.#map.size > 0) return this.#map.get(object) ?? -1;
    // Places beyond the count are undefined, which is no object.
    return this.#list.indexOf(object);
  }

  /** Lets go of the objects. */
  clear(): void {
    const listed = Math.min(this.count, LIST_LIMIT);
    for (let i = 0; i < listed; i++) this.#list[i] = undefined;
    if (this.#map.size > 0) this.#map = new Map();
    this.count = 0;
  }
}
