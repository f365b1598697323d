import { pythonBin, pythonFile } from './python.js'
import { answers, type RealServer, startServer } from './server.js'

export const gradioVersions = ['3.34', '3.50', '4.44', '5.29', '6.30'] as const
export type GradioVersion = (typeof gradioVersions)[number]

/**
 * Small apps in test/real/python. `rvc`, `audioldm` and `wangp` repeat the marks by which those programs
 * are known, on the versions of Gradio those use: 3.34, 3.50 and 5.29. `locked` asks for a user.
 */
export type GradioApp = 'plain' | 'rvc' | 'audioldm' | 'wangp' | 'locked'

/** A real Gradio server, on 127.0.0.1 only. Call `needsPython` with `gradio-<version>` before. */
export function startGradio(version: GradioVersion, app: GradioApp): Promise<RealServer> {
  return startServer({
    name: `Gradio ${version} with the app ${app}`,
    command: pythonBin(`gradio-${version}`),
    args: () => [pythonFile(`${app}.py`)],
    env: (port) => ({
      PORT: String(port),
      GRADIO_ANALYTICS_ENABLED: 'False',
      HF_HUB_OFFLINE: '1',
      PYTHONUNBUFFERED: '1',
    }),
    isReady: answers('/config', app === 'locked' ? 401 : 200),
  })
}
