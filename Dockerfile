# One image for every process: docker-compose.yml tells which command is which. Run without one, it is the whole
# product in one process, with its database under /data.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ormconfig.ts ./
COPY src ./src
COPY workers ./workers
COPY migrations ./migrations
COPY cli ./cli
RUN npm run build && npm prune --omit=dev
# The links that the embedded PostgreSQL needs, as nobody may make them later. There are processors without it.
RUN node -e "import('./dist/src/data/embedded-postgres-binaries.js').then((it) => it.findBinaries()).catch(console.warn)"

FROM node:24-slim
ENV NODE_ENV=production \
    NODE_OPTIONS=--enable-source-maps \
    HOST=0.0.0.0 \
    PORT=3001 \
    DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 3001
# Alive, not ready: a database that is away for a moment is no reason to start this process again.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The exec form: Node is process 1 and gets SIGTERM itself.
CMD ["node", "dist/src/server.js"]
