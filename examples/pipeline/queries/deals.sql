-- Each deal once: rows that are empty are left out, and those that are there twice differ by blanks only. All is read as
-- text, so that no id loses its zeros; sources.yaml says what each column becomes.
with exported as (
    select distinct columns(*).trim()
    from read_csv('data/sales_pipeline.csv', all_varchar = true)
),
deals as (
    select * replace (replace(product, 'LoomPro', 'Loom Pro') as product)
    from exported
    where opportunity_id is not null
)
select d.opportunity_id,
       d.product || ' · ' || d.opportunity_id as name,
       d.product,
       coalesce(d.account, 'no-account') as account,    -- each opportunity needs one: see crm.yaml
       d.deal_stage,
       d.engage_date,
       d.close_date,
       d.close_value,
       people.email as owner,                           -- the export has names, and a ref is an e-mail
       teams.regional_office as office
from deals d
left join 'data/directory.csv' people on lower(people.name) = lower(d.sales_agent)
left join 'data/sales_teams.csv' teams on lower(teams.sales_agent) = lower(d.sales_agent)
