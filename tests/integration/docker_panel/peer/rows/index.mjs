// The groups of rows, by name.

import { connection, token } from './connection.mjs';
import { control } from './control.mjs';
import { creation, several } from './creation.mjs';
import { denied, dockerless, errors } from './errors.mjs';
import { files } from './files.mjs';
import { commands, delivery, flood } from './messages.mjs';
import { heartbeat, players, realtime, status } from './monitoring.mjs';

export const groups = { connection, token, creation, several, control, status, players, realtime, files, heartbeat, errors,
    dockerless, denied, commands, delivery, flood };
