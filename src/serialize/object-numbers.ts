/** Which objects a message has met already, and the number of each. */

/** Up to so many objects, looking through a list is quicker than hashing. */
const LIST_LIMIT = 16;

export class ObjectNumbers {
  /** Numbers given so far. */
  count = 0;
  /** The objects by number. */
  #list: unknown[] = [];
  /** The same objects, from the 17th on: adding and comparing sizes says in one step whether an object is new. */
  #set = new Set<unknown>();
  /** The same objects with their numbers, from the first one that came again. */
  #map: Map<unknown, number> | undefined;

  /** The number of an object met before, or -1 for a new one, which then gets the next number. */
  give(object: unknown): number {
    const count = this.count;
    const list = this.#list;
    if (count < LIST_LIMIT) {
      for (let i = 0; i < count; i++) if (list[i] === object) return i;
    } else {
      const set = this.#set;
      if (count === LIST_LIMIT && set.size === 0) for (let i = 0; i < count; i++) set.add(list[i]);
      set.add(object);
      if (set.size === count) return this.#numberOf(object);
      this.#map?.set(object, count);
    }
    list[count] = object;
    this.count = count + 1;
    return -1;
  }

  /** As `give`, without giving a number. */
  find(object: unknown): number {
    // Places of the list beyond the count are undefined, which is no object.
    if (this.#set.size === 0) return this.#list.indexOf(object);
    return this.#set.has(object) ? this.#numberOf(object) : -1;
  }

  /** Lets go of the objects. */
  clear(): void {
    if (this.#set.size > 0) {
      this.#list = [];
      this.#set = new Set();
      this.#map = undefined;
    } else {
      for (let i = 0; i < this.count; i++) this.#list[i] = undefined;
    }
    this.count = 0;
  }

  #numberOf(object: unknown): number {
    this.#map ??= new Map(this.#list.map((known, number) => [known, number]));
    return this.#map.get(object) as number;
  }
}
