import type { ModelInput } from '../../model/llm-model.js'
import type { Description, Fingerprint } from '../scan/fingerprint.js'
import { type GradioApp, gradioAppAt } from './gradio-config.js'

/** What is particular to a program made with Gradio. */
interface Particulars
  extends Pick<Fingerprint, 'kind' | 'title' | 'ports' | 'agreedPath' | 'capabilities' | 'advice'> {
  /** What of the page gives it away; `undefined` when it is something else. */
  mark(app: GradioApp): string | undefined
  tell(app: GradioApp): Description
}

/** A program made with Gradio: its page says both what it is and what it has. */
export function gradioApp({ mark, tell, ...fixed }: Particulars): Fingerprint {
  return {
    ...fixed,
    service: 'media',
    protocol: 'gradio',

    async recognise(asking) {
      const app = await gradioAppAt(asking)
      const marked = app && mark(app)
      if (app === undefined || marked === undefined) return undefined
      const { version, models } = tell(app)
      return {
        evidence: `GET /config ${marked}`,
        version,
        models: models?.map(({ id }) => id),
      }
    },

    async describe(asking) {
      const app = await gradioAppAt(asking)
      if (app === undefined) return {}
      const { metadata, ...told } = tell(app)
      return { ...told, metadata: { ...aboutGradio(app), ...metadata } }
    },
  }
}

/** What a client needs to know, and what tells two apps of the same kind apart. */
export const aboutGradio = ({
  gradio,
  appId,
  endpoints,
}: GradioApp): Readonly<Record<string, unknown>> => ({
  gradio,
  ...(appId !== undefined && { appId }),
  endpoints: [
    ...new Set(endpoints.filter(({ shown }) => shown).map(({ name }) => `/${name}`)),
  ].slice(0, 200),
})

/** What these can do is free, as all that runs on the machine. */
export const localModels = (
  provider: string,
  capabilities: readonly string[],
  ids: readonly string[],
): readonly ModelInput[] => ids.map((id) => ({ id, provider, capabilities }))
