-- Revenue was exported in millions.
select account,
       replace(sector, 'technolgy', 'technology') as sector,
       year_established,
       round(revenue * 1000000) as revenue,
       employees,
       office_location,
       subsidiary_of
from read_csv('data/accounts.csv', types = {'employees': 'varchar'})
