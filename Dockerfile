# The images of Kloset Operator.
#
#   operator         reconciles; framework-dependent on a chiseled ASP.NET image
#   worker           the `kloset` command; framework-dependent on a chiseled .NET image
#   worker-restore   the same with ExifTool, for restores to Google Photos, which needs Perl and so a whole distribution
#
# Needs BuildKit (`--mount=type=cache`, BUILDPLATFORM) but no front end of its own, so that it also builds where no registry
# but the base images is at hand. `eng/images.sh` builds all three and prints their sizes.
#
# "extra" chiseled images are not a comfort: without ICU, String.Normalize leaves names decomposed, so that two spellings of
# one file name would no longer meet; without tzdata no schedule can name a time zone.

ARG DOTNET_VERSION=10.0
ARG DISTRIBUTION=noble

# Runs on the builder's own architecture and publishes for the target's, so that compiling is never emulated.
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:${DOTNET_VERSION}-${DISTRIBUTION} AS source
ENV CI=true \
    DOTNET_CLI_TELEMETRY_OPTOUT=1 \
    DOTNET_NOLOGO=1 \
    NUGET_XMLDOC_MODE=skip
WORKDIR /src
COPY . .

# Ready-to-run code halves the time to start; the runtime recompiles what turns out to be hot. Files get one time stamp and
# nothing says where they were built, so that the same sources give the same layers. No symbols for the same reason: they embed
# what source generators wrote, and that of logging writes its classes in another order each time (the code is the same).
FROM source AS operator-build
ARG TARGETARCH
ARG SOURCE_DATE_EPOCH=0
RUN --mount=type=cache,id=kloset-nuget,target=/root/.nuget/packages,sharing=locked \
    dotnet publish operator/KlosetOperator/KlosetOperator.csproj -c Release -a "$TARGETARCH" --no-self-contained \
      -p:PublishReadyToRun=true -p:PublishDocumentationFiles=false -p:DebugType=none \
      --nologo -v quiet -clp:NoSummary -o /out/app \
 && mkdir -p /out/usr/local/bin && ln -s /app/KlosetOperator /out/usr/local/bin/kloset-operator \
 && find /out -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

FROM source AS worker-build
ARG TARGETARCH
ARG SOURCE_DATE_EPOCH=0
RUN --mount=type=cache,id=kloset-nuget,target=/root/.nuget/packages,sharing=locked \
    dotnet publish worker/KlosetWorker/KlosetWorker.csproj -c Release -a "$TARGETARCH" --no-self-contained \
      -p:PublishReadyToRun=true -p:PublishDocumentationFiles=false -p:DebugType=none \
      --nologo -v quiet -clp:NoSummary -o /out/app \
 && mkdir -p /out/usr/local/bin && ln -s /app/KlosetWorker /out/usr/local/bin/kloset \
 && find /out -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

FROM mcr.microsoft.com/dotnet/runtime:${DOTNET_VERSION}-${DISTRIBUTION} AS worker-restore
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Kloset worker with ExifTool" \
      org.opencontainers.image.description="Restores into Google Photos" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# The only step on the target's own architecture: for another one than the builder's it needs emulation (binfmt_misc with QEMU).
RUN apt-get update \
 && apt-get install -y --no-install-recommends libimage-exiftool-perl \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/* /usr/share/man
COPY --from=worker-build /out/ /
ENV DOTNET_EnableDiagnostics=0 \
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=false
USER 1654:1654
ENTRYPOINT ["/app/KlosetWorker"]

FROM mcr.microsoft.com/dotnet/runtime:${DOTNET_VERSION}-${DISTRIBUTION}-chiseled-extra AS worker
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Kloset worker" \
      org.opencontainers.image.description="The kloset command: backs up, checks and restores Kloset repositories" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=worker-build /out/ /
# The root file system is read-only in the cluster: no diagnostics sockets.
ENV DOTNET_EnableDiagnostics=0 \
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=false
USER 1654:1654
ENTRYPOINT ["/app/KlosetWorker"]

FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET_VERSION}-${DISTRIBUTION}-chiseled-extra AS operator
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Kloset Operator" \
      org.opencontainers.image.description="Backs up Google Photos libraries into Kloset repositories" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=operator-build /out/ /
ENV DOTNET_EnableDiagnostics=0 \
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=false
USER 1654:1654
EXPOSE 8080
ENTRYPOINT ["/app/KlosetOperator"]
