// What needs Node's file system: `@znorm/train/node`.
export { restoreCheckpoint, saveCheckpoint } from './checkpoint-file.ts';
export { type ProfileOptions, type ProfilePart, profileSteps, type StepProfile } from './profile.ts';
