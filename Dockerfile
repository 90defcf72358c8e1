# Veritas in three stages: build, production dependencies, and an image that holds nothing else. The demo's client is a fourth, of its own.

FROM node:24.21-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json .swcrc bundle.js ./
COPY src ./src
COPY config ./config
# Copied and compiled files have the modes of the clone, which another umask keeps from the user below.
RUN npx nest build && node bundle.js && chmod -R a+rX dist package.json config

# The optional dependency is the Node.js that npm brings to older machines; this image has its own.
FROM node:24.21-bookworm-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev --omit=optional

FROM node:24.21-bookworm-slim AS client
WORKDIR /srv/client
COPY examples/demo/client.js ./
RUN chmod a+r client.js
USER node

FROM node:24.21-bookworm-slim
# No package manager at run time: what cannot be started cannot be misused.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*
WORKDIR /srv/veritas
# A new volume takes over the owner and the mode of the folder that it is mounted on.
RUN install -d -o node -g node -m 0700 certs var secrets identity
COPY --from=dependencies /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=build /build/package.json ./
COPY --from=build /build/config ./config
ENV NODE_ENV=production
USER node
EXPOSE 5000 5080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://localhost:5080/livez').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js"]
