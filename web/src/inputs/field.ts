// One input of the model, as the page asks for it.
import type { Flat } from '../arrays';

export interface InputField {
  element: HTMLElement;
  /** What the user has given, batch of one or more; throws a sentence where it is not usable. */
  read(): Flat;
}
