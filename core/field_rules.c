/* SPDX-License-Identifier: MIT */
#include "field_rules.h"

#include "str.h"
#include "variable.h"

/* The value for this response; false when there is none to send. */
static bool make_value(struct mpx_req *r, const struct field_rule *rule, struct mpx_str *value)
{
    *value = rule->value;
    if (rule->pieces.count == 0)
        return true;
    if (variable_join(r, rule->pieces, value) < 0 || !str_is_field_value(*value)) {
        req_log(r, MPX_DEBUG, "headers: \"%.*s\" is not sent: its value is too long, or no value",
                STR_ARGS(rule->name));
        return false;
    }
    *value = str_trim(*value);
    return value->n > 0;
}

void field_rules_apply(struct mpx_req *r)
{
    const struct field_rules *rules =
        r->directory != NULL ? &r->directory->fields : &r->vhost->fields;
    struct mpx_str value;

    for (size_t i = 0; i < rules->count; i++) {
        const struct field_rule *rule = &rules->list[i];

        if (rule->deed != FIELD_REMOVE && make_value(r, rule, &value)) {
            if (rule->deed == FIELD_SET)
                res_set_own(r, rule->name, value);
            else
                res_add_own(r, rule->name, value);
        } else if (rule->deed != FIELD_ADD) {
            res_remove(r, rule->name);
        }
    }
}
