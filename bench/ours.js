// @ts-check
/**
 * The built package as its users import it. Undefined while there is none, so that the peers can
 * be measured all the same and our rows say what is missing.
 * @type {any}
 */
export const ServiceRegistry = await import('switchgear').then(
  (exports) => exports.ServiceRegistry,
  (error) => console.error(`switchgear cannot be imported: ${error.message}`),
)
