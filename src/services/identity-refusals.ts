import { AppError } from '../base/errors.ts';
import type { Permission } from '../contracts/permissions.ts';

/** A token may outlive its account by a moment. */
export const accountGone = (): AppError =>
  new AppError('unauthenticated', 'The account of this token is not there any more.');

/** Of an access token, a refresh token, or who is about to make a key. */
export const signInRevoked = (): AppError =>
  new AppError('token_revoked', 'This sign-in has been revoked. Sign in again.');

/** Nobody was given such a refresh token, or it was cleared away. */
export const refreshTokenUnknown = (): AppError =>
  new AppError('unauthenticated', 'The refresh token is not known.');

/** It was not traded in time. */
export const refreshTokenExpired = (): AppError =>
  new AppError('token_expired', 'The refresh token has expired. Sign in again.');

/** The account is there, and may not. */
export const lacksPermission = (permission: Permission): AppError =>
  new AppError('forbidden', `This needs the permission \`${permission}\`, which your account does not have.`);
