-- CreateIndex
CREATE INDEX "notifications_received_at_idx" ON "notifications" ("received_at");
