-- another plan each day
select id, name || random() as name
from 'rows.csv'
where current_date > date '2024-01-01'
