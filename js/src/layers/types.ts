// What arguments of layers take for the objects inside them.
import type { JsonObject } from '../config.js';
import type { Activation } from '../objects/activation.js';
import type { Constraint, Initializer, Regularizer } from '../objects/base.js';

export type ActivationLike = string | Activation;
export type InitializerLike = string | Initializer | JsonObject;
export type RegularizerLike = string | Regularizer | JsonObject;
export type ConstraintLike = string | Constraint | JsonObject;
