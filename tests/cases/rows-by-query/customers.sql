-- The newest row of each customer, with what the other system knows of it.
select c.Id as id,
       trim(c.Name) as name,
       m.rank,
       m.tags,
       c.Revenue::decimal(12, 2) as revenue,
       m.staff,
       strptime(c.Renewal, '%d.%m.%Y') at time zone 'Europe/Berlin' as renewal,
       m.partner,
       c.Phone as phone,
       null as nick,
       p.Mail as owner,
       c.Parent as parent
from read_csv('customers.csv', all_varchar = true) c
left join 'more.json' m on m.id = c.Id
left join 'people.csv' p on p.Name = c.Agent
where c.Id is not null
qualify row_number() over (partition by c.Id order by c.Version desc) = 1
