-- Fills Lyceum's tables on PostgreSQL from the staging tables of a load test, over a schema that `lyceum migrate up`
-- made. The staging tables, with plain numbers as ids:
--   bench_users (id uuid, n, email, password_hash, full_name, role)   bench_courses (id, title)
--   bench_lessons (id, course_id, position, title)                    bench_lesson_progress (user_id, lesson_id, status, updated_at)
--   bench_course_progress (user_id, course_id, updated_at)
TRUNCATE users, courses, conversations, usage_records CASCADE;

CREATE FUNCTION pg_temp.course(id bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('01890000-0000-7000-8000-' || lpad(to_hex(id), 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.lesson(id bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('01890000-0000-7000-9000-' || lpad(to_hex(id), 12, '0'))::uuid $$;

INSERT INTO users (id, email, email_verified_at, username, username_key, display_name, display_name_key, locale, time_zone, role, plan,
                   profile_visibility, show_progress, ai_personalization, password_hash, is_active, tokens_valid_from,
                   created_at, updated_at, version)
     SELECT id, email, '2026-01-01Z', 'user' || n, 'user' || n, full_name, lower(full_name), 'en', 'UTC', role, 'free', 'members', true, true,
            password_hash, true, '2026-01-01Z', '2026-01-01Z', '2026-01-01Z', 1
       FROM bench_users;
INSERT INTO courses (id, slug, title, description, search_text, status, lesson_count, published_at, created_at, updated_at, version)
     SELECT pg_temp.course(c.id), 'course-' || c.id, c.title, '', lower(c.title), 'published', count(l.id), '2026-01-01Z',
            '2026-01-01Z', '2026-01-01Z', 1
       FROM bench_courses c JOIN bench_lessons l ON l.course_id = c.id GROUP BY c.id, c.title;
INSERT INTO lessons (id, course_id, slug, title, number, depth, position, content, estimated_minutes, is_draft, created_at,
                     updated_at, version)
     SELECT pg_temp.lesson(id), pg_temp.course(course_id), 'lesson-' || position, title, position::text, 0, position - 1, '', 0,
            false, '2026-01-01Z', '2026-01-01Z', 1
       FROM bench_lessons;
INSERT INTO course_progress (user_id, course_id, completed_lessons, is_enrolled, created_at, updated_at, version)
     SELECT p.user_id, pg_temp.course(p.course_id), coalesce(done.count, 0), true, p.updated_at, p.updated_at, 1
       FROM bench_course_progress p
       LEFT JOIN (SELECT lp.user_id, l.course_id, count(*)
                    FROM bench_lesson_progress lp JOIN bench_lessons l ON l.id = lp.lesson_id
                   WHERE lp.status = 'completed' GROUP BY lp.user_id, l.course_id) done USING (user_id, course_id);
INSERT INTO lesson_progress (user_id, lesson_id, course_id, status, created_at, updated_at)
     SELECT lp.user_id, pg_temp.lesson(lp.lesson_id), pg_temp.course(l.course_id), lp.status, lp.updated_at, lp.updated_at
       FROM bench_lesson_progress lp JOIN bench_lessons l ON l.id = lp.lesson_id;
-- Everybody has asked once before. Over tables that are empty when they are analysed, PostgreSQL plans a scan for each
-- check of a foreign key, and keeps that plan while they grow.
INSERT INTO conversations (id, owner_id, title, is_archived, created_at, updated_at, version)
     SELECT gen_random_uuid(), id, 'Before', false, '2026-01-02Z', '2026-01-02Z', 1 FROM bench_users;
INSERT INTO messages (id, conversation_id, author, content, status, sources, created_at, updated_at)
     SELECT gen_random_uuid(), c.id, a.author, 'Before', 'complete', '[]', '2026-01-02Z', '2026-01-02Z'
       FROM conversations c, (VALUES ('user'), ('assistant')) AS a (author);
INSERT INTO usage_records (id, user_id, conversation_id, message_id, provider, model, outcome, prompt_tokens, completion_tokens,
                           is_estimated, created_at, updated_at)
     SELECT gen_random_uuid(), c.owner_id, c.id, m.id, 'before', 'before', 'complete', 100, 20, false, '2026-01-02Z', '2026-01-02Z'
       FROM conversations c JOIN messages m ON m.conversation_id = c.id AND m.author = 'assistant';
ANALYZE;
