// A chat page as they were written for Socket.IO: rooms, acknowledgements, typing. The import is all
// that a move changes; the test does that to a copy.
import { io } from "socket.io-client";

const $ = (id) => document.getElementById(id);
const parameters = new URLSearchParams(location.search);
const roomId = parameters.get("room");
const receiverId = parameters.get("to");

const socket = io("http://localhost:3001", {
  path: "/api/socket",
  transports: ["websocket", "polling"],
  reconnectionAttempts: 5,
});

socket.on("connect", () => {
  $("state").textContent = "online";
  if (roomId) socket.emit("join-room", roomId);
});
socket.on("disconnect", () => {
  $("state").textContent = "offline";
});
socket.on("connect_error", (error) => {
  $("state").textContent = error.message;
});

socket.on("new-message", (message) => {
  const item = document.createElement("li");
  item.textContent = message.content;
  item.dataset.sender = message.senderId;
  $("messages").append(item);
});

let stopped;
socket.on("typing", ({ userId, isTyping }) => {
  $("typing").textContent = isTyping ? `${userId} is typing` : "";
});
$("text").addEventListener("input", () => {
  socket.emit("typing", { roomId, isTyping: true });
  clearTimeout(stopped);
  stopped = setTimeout(() => socket.emit("typing", { roomId, isTyping: false }), 3000);
});

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const content = $("text").value;
  socket.emit("send-message", { roomId, receiverId, content }, (answer) => {
    $("said").textContent = answer.success ? `stored ${answer.message.id}` : answer.error;
  });
  $("text").value = "";
});
