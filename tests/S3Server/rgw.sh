#!/bin/bash
# rgw.sh start DIR [PORT] | stop DIR [rm]
# A throw-away single-node Ceph (1 monitor, 1 OSD, no manager, no cephx) with an S3 gateway on 127.0.0.1:PORT.
# Uses the ports PORT..PORT+19. Options in the environment: STORE=memstore|bluestore, TLS=1 (gateway also on PORT+1),
# ACCESS_KEY, SECRET_KEY, LC_DAY=<seconds that count as one life-cycle day>, BIND=<address of the gateway>.
set -euo pipefail
CMD=$1 D=$2
if [ "$CMD" = stop ]; then
  for n in client.rgw osd.0 mon.a; do
    p=$(cat "$D/run/$n.pid" 2>/dev/null) || continue
    if [ "${3:-}" = rm ]; then kill -9 "$p" 2>/dev/null || true; continue; fi   # data goes anyway: do not wait 5 s for a clean unmount
    kill "$p" 2>/dev/null || continue
    while kill -0 "$p" 2>/dev/null; do sleep 0.1; done
  done
  [ "${3:-}" != rm ] || rm -rf "$D"
  exit 0
fi
PORT=${3:-7480} STORE=${STORE:-memstore} BIND=${BIND:-127.0.0.1}
export CEPH_CONF=$D/ceph.conf
wait_http() { for _ in $(seq 600); do (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null && return 0; sleep 0.1; done; echo "gateway did not come up, see $D/log" >&2; return 1; }
if [ -e "$D/mon/kv_backend" ]; then              # a directory that was stopped before: start again with its data
  grep -q '^osd_objectstore = bluestore' "$CEPH_CONF" || { echo "$D is a memstore: its data ended with its OSD" >&2; exit 1; }
  ceph-mon -i a; ceph-osd -i 0 >/dev/null 2>>"$D/log/cli.log"; radosgw -n client.rgw; wait_http; exit
fi
mkdir -p "$D"/{mon,osd,run,log,rgw}
FSID=$(cat /proc/sys/kernel/random/uuid) OSD_UUID=$(cat /proc/sys/kernel/random/uuid)
FRONT="beast endpoint=$BIND:$PORT tcp_nodelay=1"
if [ -n "${TLS:-}" ]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
    -keyout "$D/tls.key" -out "$D/tls.crt" 2>/dev/null
  FRONT+=" ssl_endpoint=$BIND:$((PORT+1)) ssl_certificate=$D/tls.crt ssl_private_key=$D/tls.key"
fi
cat > "$CEPH_CONF" <<C
[global]
fsid = $FSID
mon_host = v2:127.0.0.1:$((PORT+2))
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
ms_bind_msgr1 = false
ms_bind_port_min = $((PORT+3))
ms_bind_port_max = $((PORT+19))
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
# radosgw insists on "secure" towards the monitor by default, which needs cephx: without this line it waits for ever
ms_mon_client_mode = crc
run_dir = $D/run
pid_file = $D/run/\$name.pid
log_file = $D/log/\$name.log
crash_dir = $D/log
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 10000
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_data = $D/mon
mon_cluster_log_file = $D/log/cluster.log
mon_data_avail_warn = 1
mon_data_avail_crit = 1
# default 1 s: every pool that the gateway creates would wait for it (12 s to start instead of 1.5 s)
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
osd_data = $D/osd
osd_objectstore = $STORE
memstore_device_bytes = ${MEMSTORE_BYTES:-4294967296}
bluestore_block_size = ${BLOCK_BYTES:-10737418240}
bluestore_cache_size = 67108864
osd_memory_target = 939524096
osd_class_load_list = *
osd_class_default_list = *
rgw_data = $D/rgw
rgw_frontends = $FRONT
rgw_thread_pool_size = 64
rgw_rados_pool_pg_num_min = 1
rgw_run_sync_thread = false
rgw_crypt_require_ssl = false
# a key management of one key, without a server beside it
rgw_crypt_s3_kms_backend = testing
rgw_crypt_s3_kms_encryption_keys = kloset-test-key=$(head -c 32 /dev/zero | base64)
rgw_lc_debug_interval = ${LC_DAY:--1}
[mon.a]
admin_socket = $D/run/mon.a.asok
[osd.0]
admin_socket = $D/run/osd.0.asok
[client.rgw]
admin_socket = $D/run/client.rgw.asok
C
monmaptool --create --clobber --fsid "$FSID" --addv a "[v2:127.0.0.1:$((PORT+2))]" "$D/monmap" >/dev/null
ceph-mon --mkfs -i a --monmap "$D/monmap"
ceph-mon -i a
test "$(timeout 60 ceph osd new "$OSD_UUID")" = 0
ceph-osd -i 0 --mkfs --osd-uuid "$OSD_UUID" >/dev/null 2>>"$D/log/cli.log"
ceph-osd -i 0 >/dev/null 2>>"$D/log/cli.log"
radosgw -n client.rgw
wait_http
radosgw-admin user create --uid=test --display-name=test --access-key="${ACCESS_KEY:-testaccess}" --secret-key="${SECRET_KEY:-testsecret}" >/dev/null 2>>"$D/log/cli.log"
echo "S3 on http://127.0.0.1:$PORT${TLS:+ and https://127.0.0.1:$((PORT+1)) (CA $D/tls.crt)}"
