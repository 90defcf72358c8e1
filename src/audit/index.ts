export { AuditLog, type AuditEntry, type AuditVerdict } from './audit-log.js';
