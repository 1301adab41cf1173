/** What a role may allow its users to do. */
export const PERMISSIONS = ['balance.manage', 'models.manage', 'system.view'] as const;

/** Something that not everybody may do. */
export type Permission = (typeof PERMISSIONS)[number];
