/** How an answer is handed to whoever waits for it. */
interface Waiting<Question, Answer> {
  question: Question;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** Questions of one call, so that none grows without bound. */
const MOST_AT_ONCE = 500;

/**
 * Asks questions together: what is asked while a call is under way is asked by the next one, so that thousands of questions at the
 * same moment take a few calls one after the other, and no place of the others who use what is called. `askAll` gives the answers in
 * the order of its questions; when it throws, so does each of its questions.
 */
export class AskedTogether<Question, Answer> {
  readonly #askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  #waiting: Waiting<Question, Answer>[] = [];
  #asking = false;

  constructor(askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>) {
    this.#askAll = askAll;
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      void this.#next();
    });
  }

  async #next(): Promise<void> {
    if (this.#asking || this.#waiting.length === 0) return;
    this.#asking = true;
    const asked = this.#waiting.splice(0, MOST_AT_ONCE);
    try {
      const answers = await this.#askAll(asked.map(({ question }) => question));
      for (const [index, { resolve }] of asked.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    } finally {
      this.#asking = false;
      void this.#next();
    }
  }
}
