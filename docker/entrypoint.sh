#!/bin/sh
# What a container of the portal does: prepare | web | worker | is-alive, or any command of manage.py.
set -eu

wait_for_database() {
    tries=0
    until python -c 'import django; django.setup(); from django.db import connection; connection.ensure_connection()' 2>/tmp/database-error; do
        tries=$((tries + 1))
        if [ "$tries" -ge 60 ]; then
            echo "The database does not answer:" >&2
            tail -n 1 /tmp/database-error >&2
            exit 1
        fi
        sleep 1
    done
}

case "${1:-web}" in
prepare) # once per release, before web and worker start
    wait_for_database
    python manage.py migrate --noinput
    python manage.py createcachetable
    if [ -n "${DJANGO_SUPERUSER_EMAIL:-}" ]; then python manage.py csu; fi
    ;;
web)
    wait_for_database
    exec gunicorn portal.wsgi --bind 0.0.0.0:8000 --workers "${WEB_CONCURRENCY:-2}" --threads 4 \
        --max-requests 2000 --max-requests-jitter 200 --access-logfile - --worker-tmp-dir /dev/shm
    ;;
worker)
    wait_for_database
    exec python manage.py run_worker
    ;;
is-alive)
    exec python -c '
import os, urllib.request
host = os.environ["ALLOWED_HOSTS"].split(",")[0].lstrip(".")
urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:8000/health/live", headers={"Host": host}), timeout=4)'
    ;;
*)
    exec python manage.py "$@"
    ;;
esac
