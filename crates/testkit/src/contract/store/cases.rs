//! The list of all cases, by noun.

/// Makes one test of each case of the store's contract.
///
/// It takes a closure (or the name of a function) without arguments whose future gives `Option<S>`, where `S` is an
/// `Arc` of a [`Store`](lyceum_domain::store::Store), an `Arc<dyn Store>`, or a [`Subject`](super::Subject) that keeps
/// something alive beside the store. It is called once for each test, on that test's own runtime; whether it makes a new
/// database or shares one is its own business, as no case looks at another's data. `None` says that the server is missing:
/// the test then prints a line and passes, or fails if `LYCEUM_TESTS_SKIP_NOTHING` is set.
///
/// The tests lie in one module for each noun, so the macro stands once in a module; two adapters go into two modules.
/// What is in scope around the macro is in scope in the closure.
///
/// ```
/// # #[cfg(test)]
/// mod sqlite {
///     use std::sync::Arc;
///     use lyceum_testkit::{contract::store::Subject, store::MemoryStore};
///
///     async fn fresh() -> Option<Subject> {
///         let directory = "something to be dropped after the store";
///         Some(Subject::holding(Arc::new(MemoryStore::new()), directory))
///     }
///
///     lyceum_testkit::store_contract!(fresh);
/// }
/// # #[cfg(test)]
/// mod postgres {
///     use std::sync::Arc;
///     use lyceum_domain::store::Store;
///
///     // No server here: each test prints that it was skipped.
///     lyceum_testkit::store_contract!(|| async { None::<Arc<dyn Store>> });
/// }
/// ```
#[macro_export]
macro_rules! store_contract {
    ($make:expr) => {
        $crate::store_contract! { @all $make;
            units {
                a_store_that_is_there_says_so
                an_empty_unit_commits
                a_committed_unit_is_there_for_the_next_reader
                a_dropped_unit_leaves_nothing
                a_dropped_unit_is_in_nobodys_way
                nothing_is_seen_before_the_commit
                a_unit_sees_its_own_writes
                a_unit_with_a_duplicate_refuses_to_commit
                a_unit_with_a_conflict_refuses_to_commit
                what_finds_nothing_breaks_no_unit
            }
            users {
                a_user_comes_back_as_it_was
                a_user_without_optional_fields_comes_back_as_it_was
                every_role_plan_and_visibility_comes_back
                hostile_text_comes_back_as_it_was
                a_user_is_found_by_email_and_by_username_in_any_case
                an_unknown_user_is_nobody
                an_id_is_there_once
                an_email_is_taken_once
                a_username_is_taken_once_in_any_case
                names_of_others_are_taken_for_changes_too
                a_user_keeps_its_own_names_in_a_change
                a_saved_user_has_the_next_version
                a_stale_user_is_a_conflict
                a_user_that_was_never_stored_is_a_conflict
                a_deleted_user_is_still_found_and_keeps_its_names
                a_sign_in_is_no_change_of_the_account
                activity_is_no_change_of_the_account
                a_portrait_comes_and_goes
            }
            user_lists {
                a_search_looks_at_the_names_of_a_user_in_any_case
                a_search_follows_a_change_of_names
                searched_names_are_plain_characters
                users_are_listed_by_role_plan_and_whether_they_are_on
                a_cursor_walks_each_user_once
                without_a_filter_everybody_is_listed
                users_who_deleted_their_account_are_told_longest_ago_first
            }
            erasure {
                nothing_of_an_erased_account_is_left
                blobs_of_an_erased_account_are_noted
                an_account_without_blobs_notes_none
                an_account_is_erased_once
                the_names_of_an_erased_account_are_free
                events_lose_an_erased_account
                courses_of_an_erased_author_are_the_houses
            }
            registrations {
                a_registration_comes_back_as_it_was
                an_unknown_registration_is_none
                a_registration_is_there_once
                a_registration_is_found_by_email_and_by_username_in_any_case
                of_several_registrations_the_newest_is_found
                a_registration_counts_until_it_expires
                a_username_is_taken_by_accounts_and_by_registrations_of_others
                the_registrations_of_an_email_go_with_their_tokens
                expired_registrations_are_removed_bit_by_bit
                a_registration_has_tokens_of_its_own
            }
            identities {
                an_identity_comes_back_with_its_account
                a_subject_is_taken_as_it_stands
                an_unknown_identity_is_nobody
                an_identity_is_there_once
                what_a_provider_tells_is_kept_anew
                an_identity_that_was_never_stored_is_a_conflict
                identities_are_listed_oldest_first
            }
            api_keys {
                a_key_comes_back_with_its_account
                every_scope_and_name_of_a_key_comes_back
                an_unknown_key_is_nobodys
                a_key_is_there_once
                live_keys_are_counted
                a_key_ends_once
                all_keys_of_a_user_end_together
                the_use_of_a_key_is_noted
                a_cursor_walks_each_key_once
            }
            single_writes {
                a_single_save_is_kept
                a_stale_single_save_leaves_nothing
                a_single_turn_is_kept
                a_failed_single_turn_leaves_nothing
            }
            tokens {
                a_one_time_token_is_taken_once
                a_one_time_token_is_good_until_it_expires
                an_unknown_one_time_token_is_nobodys
                a_one_time_token_taken_in_a_dropped_unit_is_still_good
                a_one_time_token_is_there_once
                a_one_time_token_is_good_for_one_purpose
                asking_whose_a_one_time_token_is_takes_it_not
                one_time_tokens_of_an_owner_end_together
                expired_one_time_tokens_are_removed_bit_by_bit
            }
            sessions {
                a_session_comes_back_with_its_token
                an_unknown_refresh_token_finds_nothing
                a_refresh_token_is_traded_for_the_next_one
                a_refresh_token_is_there_once
                a_used_refresh_token_is_good_for_a_grace
                a_refresh_token_whose_follower_was_used_is_a_replay
                a_refresh_token_is_good_until_it_expires
                a_refresh_token_of_a_session_that_is_over_is_no_longer_good
                a_session_ends_once
                a_user_ends_no_session_of_others
                all_sessions_of_a_user_end_together_and_nobody_elses
                sessions_that_ended_are_removed_with_their_tokens
                tokens_that_ran_out_are_removed_while_their_session_lives
                the_live_sessions_of_a_user_are_listed_newest_first
                a_cursor_walks_each_session_once
                an_unknown_user_has_no_standing
                a_token_without_a_session_stands_with_its_account
                a_session_that_is_over_does_not_stand
                standing_shows_the_account_as_it_is_now
            }
            sign_in_failures {
                an_account_without_failures_has_none
                failures_are_counted_here_and_anywhere
                failures_that_are_old_do_not_count
                failures_from_one_network_are_forgotten_alone
                what_is_taken_off_is_never_more_than_there_is
                all_failures_of_an_account_are_forgotten
                a_network_is_known_where_a_session_of_the_user_began
                old_failures_are_removed
            }
            audit {
                an_event_comes_back_as_it_was
                every_action_and_actor_comes_back
                an_event_is_there_once
                events_are_listed_by_all_that_is_asked
                a_cursor_walks_each_event_once
                old_events_are_removed
            }
            outbox {
                a_mail_is_taken_when_it_is_due
                the_longest_due_are_taken_first
                a_mail_that_is_taken_is_nobody_elses_until_the_lease_ends
                a_mail_that_was_settled_is_taken_no_more
                a_mail_is_tried_again_when_it_is_due_again
                who_lost_the_lease_settles_nothing
                a_mail_is_there_once
                dead_mails_are_counted_and_revived
                mails_that_were_sent_are_counted_by_address_and_kind
                mails_that_were_sent_or_dropped_are_removed
                mails_that_were_given_up_long_ago_are_removed
            }
            backlog {
                what_waits_is_counted_when_it_is_due
            }
            courses {
                a_course_comes_back_as_it_was
                a_course_without_optional_fields_comes_back_as_it_was
                an_unknown_course_is_none
                a_slug_is_taken_once
                a_source_is_taken_once_by_each_author
                a_source_is_taken_once_by_the_house
                a_removed_course_frees_its_source
                a_saved_course_has_the_next_version
                a_stale_course_is_a_conflict
                a_removed_course_is_nowhere
            }
            lessons {
                a_lesson_comes_back_as_it_was
                a_lesson_without_optional_fields_comes_back_as_it_was
                a_lesson_slug_is_taken_once_in_its_course
                a_saved_lesson_has_the_next_version
                the_paths_of_lessons_lead_to_their_slugs
                a_stale_lesson_is_a_conflict
                lessons_come_in_reading_order_with_the_removed_ones
                an_outline_has_the_lessons_that_are_there_in_reading_order
                a_removed_lesson_does_not_exist
                a_long_course_is_stored_at_once
                a_unit_finds_removed_lessons_too
                lessons_are_placed_without_a_change
                a_long_course_is_placed_at_once
                removed_lessons_are_listed_where_they_stood
            }
            catalogue {
                the_catalogue_shows_what_is_published
                archived_courses_show_where_they_are_asked_for
                drafts_show_to_their_author_and_to_who_sees_all
                a_learner_sees_the_courses_they_are_in
                a_learner_in_very_many_courses_sees_each_of_them
                a_search_looks_at_title_and_description_in_any_case
                percent_and_underscore_are_plain_characters
                hostile_searches_find_what_they_say
                the_catalogue_is_newest_first
                a_cursor_walks_each_course_once
            }
            removed_courses {
                a_unit_finds_removed_courses_too
                a_removed_course_is_found_as_such
                removed_courses_are_listed_newest_first
                a_slug_is_taken_by_a_removed_course_too
            }
            course_files {
                a_file_comes_back_as_it_was
                files_are_listed_by_path
                a_file_takes_the_place_of_the_one_before
                a_file_is_removed_once
                a_removed_course_keeps_its_files
            }
            search {
                courses_are_found_by_all_words_best_first
                a_course_comes_with_an_excerpt
                lessons_are_found_by_all_words_best_first
                a_lesson_comes_once_with_an_excerpt
                a_title_stands_for_a_missing_heading
                the_last_word_may_be_a_beginning
                a_search_keeps_to_its_scope
                removed_and_unwritten_lessons_are_not_found
                a_search_follows_changes
                searched_words_are_no_query_language
                any_text_is_answered
                text_without_a_word_finds_nothing
                no_more_than_asked_for
            }
            passages {
                passages_are_found_by_their_words_best_first
                a_passage_comes_back_as_it_was
                passages_keep_to_their_scope
                a_learner_searches_the_open_courses_they_are_in
                replaced_passages_are_found_no_more
                removed_and_unwritten_lessons_are_not_searched
                searched_words_are_no_query_language
                text_without_a_word_finds_nothing
                no_more_passages_than_asked_for
                a_rare_word_finds_its_passage_first
                what_is_headed_by_the_words_comes_before_what_mentions_them
                names_of_code_are_found
                no_lesson_takes_all_the_places
                the_order_of_passages_is_always_the_same
                questions_in_other_languages_find_their_words
                many_courses_are_searched_as_few_are
            }
            progress {
                a_first_save_is_version_one
                a_first_save_over_another_is_a_conflict
                a_stale_save_is_a_conflict_and_keeps_no_lesson
                who_leaves_keeps_the_progress
                the_status_of_a_lesson_is_kept_with_the_aggregate
                a_standing_says_all_that_recording_needs
                a_lesson_that_is_not_there_has_no_standing
            }
            recounts {
                a_count_is_right_at_once_for_everybody
                a_recount_keeps_to_its_limit
                a_recount_moves_nothing_but_the_count
                a_recount_keeps_to_its_course
                a_save_under_an_older_revision_is_answered_right
                who_comes_later_is_not_behind
                courses_are_counted_until_it_is_noted
                a_saved_course_stays_counted
                the_lessons_that_count_come_with_the_revision
            }
            progress_events {
                each_save_adds_one_event
                a_stale_save_adds_no_event
                a_dropped_save_adds_no_event
                a_cursor_walks_each_event_once
            }
            histories {
                a_history_has_all_that_is_kept
                histories_come_in_order
                rows_are_put_right
                missing_rows_are_made
                a_stale_rebuild_is_a_conflict
            }
            activity {
                days_begin_at_the_learners_midnight
                lessons_completed_are_counted_once_a_day
                a_day_has_all_courses_of_the_learner
                days_active_are_counted_where_the_learner_is
            }
            cohort {
                learners_come_with_where_they_stand
                who_left_is_seen_while_they_show_it
                the_stuck_are_those_who_stopped_on_the_way
                a_cursor_walks_each_learner_once
                completion_counts_who_is_there
            }
            progress_lists {
                courses_of_a_learner_are_listed_by_activity
                courses_that_were_left_or_removed_are_not_listed
                a_cursor_walks_each_course_of_a_learner_once
                the_written_lessons_are_listed_in_reading_order
                recent_courses_come_newest_first_with_where_to_go_on
                recent_courses_are_those_the_learner_may_see
            }
            subjects {
                a_subject_comes_back_as_it_was
                a_subject_is_its_owners
                a_saved_subject_has_the_next_version
                a_stale_subject_is_a_conflict
                a_cursor_walks_each_subject_once
                a_removed_subject_takes_its_documents_along
                nobody_has_more_subjects_than_allowed
            }
            documents {
                a_document_comes_back_as_it_was
                a_document_is_its_owners
                a_removed_document_is_gone_with_its_text
                a_cursor_walks_each_document_once
                nobody_has_more_documents_than_allowed
                a_text_is_kept_as_it_was_read
                the_longest_waiting_are_taken_first
                a_text_is_tried_until_it_is_settled
            }
            blob_removals {
                the_longest_due_removals_are_taken_first
                a_removal_is_tried_until_it_is_settled
                a_removal_is_noted_once
                a_removal_is_taken_back_once
            }
            claims {
                a_key_is_claimed_once
                an_answer_is_given_again
                an_answer_of_a_dropped_unit_is_none
                a_claim_that_died_is_taken_over
                a_released_key_is_free
                an_expired_key_is_claimed_anew
                keys_of_gone_servers_are_given_back
                expired_keys_are_forgotten
            }
            conversations {
                a_first_turn_is_stored_whole
                a_further_turn_moves_nothing_but_the_time
                a_turn_needs_its_conversation
                another_owner_finds_nothing
                a_saved_conversation_has_the_next_version
                a_stale_conversation_is_a_conflict
                a_deleted_conversation_is_gone_but_not_what_it_cost
                a_deleted_conversation_has_nothing_under_way
                a_turn_that_ends_after_the_conversation_keeps_what_it_cost
                conversations_are_listed_newest_first
                archived_conversations_are_told_apart
                a_cursor_walks_each_conversation_once
            }
            messages {
                a_turn_ends_with_its_answer_and_its_cost
                every_end_of_a_turn_comes_back
                hostile_messages_come_back_as_they_were
                messages_are_listed_oldest_first
                a_cursor_walks_each_message_once
                the_history_is_the_last_messages_with_text
                the_history_has_one_answer_of_each_question
                usage_is_listed_oldest_first_and_nobody_elses
            }
            conversation_search {
                a_conversation_is_found_by_its_title_and_its_messages
                a_search_takes_letters_in_any_case
                searched_text_is_no_query_language
                a_search_finds_ones_own_conversations
                a_search_keeps_to_what_is_archived
                walking_a_search_gives_each_match_once
                an_answer_is_found_once_it_has_ended
            }
            turns {
                a_turn_sets_aside_what_it_may_cost
                a_used_up_allowance_leaves_nothing
                a_used_up_allowance_breaks_no_unit
                a_turn_of_a_dropped_unit_is_none
                a_question_is_answered_once_more
                only_a_question_of_the_conversation_is_answered_once_more
                a_title_is_taken_once
                a_title_is_not_taken_from_who_gave_one
                a_turn_that_ends_after_its_owner_leaves_nothing
                a_deleted_conversation_gives_nothing_back
            }
            feedback {
                a_message_is_its_owners
                feedback_comes_and_goes
                feedback_is_for_ones_own_answers
                an_ending_leaves_the_feedback
            }
            manifests {
                a_manifest_comes_back_as_it_was
                any_temperature_comes_back
                each_answer_has_a_manifest_of_its_own
                a_quoted_text_is_kept_once
                many_quoted_texts_are_kept_at_once
                a_text_that_no_answer_quotes_any_more_goes
            }
            under_way {
                pieces_are_kept_in_their_order_and_once
                any_piece_comes_back_as_it_was
                pieces_of_an_ended_answer_are_passed_over
                what_was_said_is_seen_while_it_is_said
                an_answer_under_way_is_its_owners
                a_server_hears_which_answers_are_to_stop
                a_server_finds_its_answers
                busy_servers_show_their_signs_of_life
                whoever_follows_an_answer_is_told_of
                answers_of_gone_servers_are_abandoned
                an_abandoned_answer_is_closed_once
                silent_servers_without_answers_are_forgotten
            }
            job_leases {
                a_job_that_was_never_taken_is_nobodys
                a_job_is_taken_by_one
                a_hold_is_renewed_and_looks_different_each_time
                who_is_gone_is_taken_over_from
                what_was_renewed_meanwhile_is_not_taken_over
                a_released_job_is_free_and_never_looks_as_before
                nobody_lets_go_of_what_another_holds
                jobs_are_held_apart
            }
            ledger {
                what_is_set_aside_becomes_what_was_taken
                an_ending_is_charged_once
                an_ending_corrects_what_was_closed_as_abandoned
                a_new_day_and_a_new_month_begin_with_nothing
                calls_outside_of_a_conversation_are_charged_too
                stale_calls_are_those_that_nobody_ends
                records_of_old_calls_are_removed
                a_ledger_is_what_all_its_calls_make_of_it
            }
            usage_days {
                a_day_has_all_calls_by_model
                days_are_those_of_the_filter
                a_cursor_walks_each_day_once
            }
            concurrency {
                of_many_that_take_a_job_one_gets_it
                parallel_updates_of_one_learner_lose_none
                parallel_single_saves_lose_none
                parallel_units_of_many_are_all_kept
                of_two_that_take_a_token_one_gets_it
                many_that_use_a_refresh_token_at_once_stay_one_family
                a_replay_stays_one_whoever_comes_first
                parallel_failures_lose_none
                workers_that_take_mails_at_once_share_none
                of_two_that_end_a_session_one_does
                two_first_enrolments_at_once_are_one
                two_registrations_of_one_email_at_once_are_one
                two_registrations_of_one_username_at_once_are_one
                fifty_first_sign_ins_of_one_identity_at_once_are_one
                of_two_that_verify_one_email_one_gets_the_account
                of_two_that_end_a_key_one_does
                of_two_that_erase_an_account_one_does
                two_imports_of_one_source_at_once_are_one
                parallel_turns_in_one_conversation_are_all_kept
                two_hundred_steps_at_once_are_two_hundred_events
                steps_and_recounts_at_once_stay_right
                recounts_at_once_leave_nobody
                parallel_subjects_keep_to_the_limit
                parallel_documents_keep_to_the_limit
                a_subject_removed_at_once_forgets_no_blob
                of_many_that_claim_a_key_one_gets_it
                workers_that_take_removals_at_once_share_none
                workers_that_take_documents_at_once_share_none
                of_fifty_turns_at_once_ten_begin
                turns_at_once_keep_to_the_tokens
                a_text_that_is_quoted_as_it_goes_is_there
                turns_that_end_at_once_are_charged_once
                of_many_that_close_an_abandoned_answer_one_does
                pieces_kept_at_once_are_each_there_once
            }
        }
    };
    (@call concurrency $case:ident $store:ident) => {
        $crate::contract::store::concurrency::$case($store)
    };
    (@call $noun:ident $case:ident $store:ident) => {
        $crate::contract::store::$noun::$case(&*$store)
    };
    (@all $make:expr; $($noun:ident { $($case:ident)* })*) => {
        $(
            mod $noun {
                #[allow(unused_imports, clippy::wildcard_imports, reason = "what the closure needs, if anything")]
                use super::*;

                $(
                    #[test]
                    fn $case() {
                        $crate::contract::store::run(
                            concat!(stringify!($noun), "::", stringify!($case)),
                            $make,
                            |store| async move { $crate::store_contract!(@call $noun $case store).await },
                        );
                    }
                )*
            }
        )*
    };
}
