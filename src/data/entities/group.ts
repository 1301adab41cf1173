import { EntitySchema } from 'typeorm';

/** A folder of sessions. */
export interface GroupRecord {
  id: string;
  userId: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

export const GroupEntity = new EntitySchema<GroupRecord>({
  name: 'Group',
  tableName: 'groups',
  columns: {
    id: { type: 'uuid', primary: true },
    userId: { type: 'uuid' },
    name: { type: 'text' },
    createdAt: { type: 'timestamptz', createDate: true },
    updatedAt: { type: 'timestamptz', updateDate: true },
  },
});
