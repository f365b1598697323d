import type { Fingerprint } from '../scan/fingerprint.js'
import { aboutGradio } from './gradio-app.js'
import { gradioAppAt, isLocked } from './gradio-config.js'

/** Any other app made with Gradio. What it can do is not known: its functions are in the metadata. */
export const gradio: Fingerprint = {
  kind: 'gradio',
  title: 'Gradio app',
  service: 'media',
  protocol: 'gradio',
  ports: [7860, 7861, 7862, 7863, 7864, 7865, 7866, 7867, 7868, 7869],
  advice: 'start the app; Gradio takes the first free port from 7860 on unless it is given one',

  async recognise(asking) {
    const app = await gradioAppAt(asking)
    if (app !== undefined) return { evidence: `GET /config is a page of Gradio ${app.gradio}` }
    if (isLocked(await asking.get('/config')))
      return { evidence: 'GET /config answers "Not authenticated"', needsCredentials: true }
    return undefined
  },

  async describe(asking) {
    const app = await gradioAppAt(asking)
    if (app === undefined) return {}
    return { metadata: { ...aboutGradio(app), ...(app.title && { title: app.title }) } }
  },
}
