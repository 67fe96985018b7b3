"use strict";
// What a program with amocrm-js does: a code, two renewals, the account, leads, contacts, tasks.
// The library is not changed. It calls port 443 of the account's host; the two lines below say
// where that is, as a line in /etc/hosts and a port of the system would.

const https = require("https");
const { Client } = require("amocrm-js");

const { port, domain, auth } = JSON.parse(process.env.SETTINGS);
https.globalAgent.defaultPort = port;
https.globalAgent.options.lookup = (host, options, callback) =>
  options.all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);

async function main() {
  const told = { events: [] };
  const client = new Client({ domain, auth });
  client.token.on("change", () => told.events.push("token"));
  client.connection.on("connected", () => told.events.push("connected"));

  // The code.
  const account = await client.request.get("/api/v4/account", { with: "task_types" });
  told.account = account.data.subdomain;
  told.taskTypes = account.data._embedded.task_types.length;
  told.status = account.response.statusCode;

  // A renewal by hand, and one because the token has expired.
  const first = client.token.getValue();
  const second = await client.token.refresh();
  told.rotated = first.refresh_token !== second.refresh_token;
  client.token.setValue({ ...second, expires_at: 1 });
  told.accountAgain = (await client.request.get("/api/v4/account")).data.subdomain;
  told.renewed = client.token.getValue().access_token !== second.access_token;

  // Leads.
  const lead = new client.Lead({ name: "Order", price: 100 });
  await lead.create();
  lead.price = 200;
  await lead.update();
  const read = await client.leads.getById(lead.id, { with: ["contacts"] });
  told.lead = { name: read.name, price: read.price };
  const [made] = await client.leads.create([{ name: "Second" }]);
  await client.leads.update([{ id: made.id, name: "Renamed" }]);
  const page = await client.leads.get({ limit: 1, order: { id: "asc" } });
  told.pages = [page.getData()[0].name];
  while (await page.next()) {
    told.pages.push(page.getData()[0].name);
  }

  // Contacts, with a phone.
  const contact = new client.Contact({
    first_name: "Анна",
    custom_fields_values: [{ field_code: "PHONE", values: [{ value: "+79990001122" }] }],
  });
  await contact.save();
  told.contact = (await client.contacts.getById(contact.id)).first_name;
  await client.request.post(`/api/v4/leads/${lead.id}/link`, [
    { to_entity_id: contact.id, to_entity_type: "contacts" },
  ]);
  const linked = await client.leads.getById(lead.id, { with: ["contacts"] });
  told.linked = linked.embeddedContacts.get().map((one) => one.id === contact.id);

  // Tasks.
  const task = new client.Task({
    text: "Call", complete_till: 2000000000, entity_id: lead.id, entity_type: "leads",
  });
  await task.create();
  task.is_completed = true;
  task.result = { text: "Done" };
  await task.update();
  const done = await client.tasks.getById(task.id);
  told.task = [done.text, done.is_completed];

  // An error.
  console.error = () => {};
  try {
    await client.request.post("/api/v4/leads", [{ price: "much" }]);
  } catch (error) {
    told.error = error.message;
  }
  console.log(JSON.stringify(told));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
