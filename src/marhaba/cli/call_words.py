"""What `marhaba call` tells while it calls, in the reader's language."""

from __future__ import annotations

LANGUAGES = ("fr", "es", "ar", "en")

WORDS: dict[str, dict[str, str]] = {
    "calling": {
        "fr": "Appel du {number} chez {host}:{port}…",
        "es": "Llamando al {number} en {host}:{port}…",
        "ar": "جارٍ الاتصال بالرقم {number} لدى {host}:{port}…",
        "en": "Calling {number} at {host}:{port}…",
    },
    "ringing": {
        "fr": "Ça sonne ({status}).",
        "es": "Suena ({status}).",
        "ar": "الهاتف يرن ({status}).",
        "en": "It rings ({status}).",
    },
    "answered": {
        "fr": "Décroché après {ms} ms.",
        "es": "Contestada a los {ms} ms.",
        "ar": "تم الرد بعد {ms} ميلي ثانية.",
        "en": "Answered after {ms} ms.",
    },
    "unanswered": {
        "fr": "Pas de réponse : {status} {reason}",
        "es": "Sin respuesta: {status} {reason}",
        "ar": "لا رد: {status} {reason}",
        "en": "Not answered: {status} {reason}",
    },
    "pressed": {
        "fr": "Touche {keys}",
        "es": "Tecla {keys}",
        "ar": "ضغط المفتاح {keys}",
        "en": "Pressed {keys}",
    },
    "hang-up": {
        "fr": "Je raccroche.",
        "es": "Cuelgo.",
        "ar": "إنهاء المكالمة.",
        "en": "Hanging up.",
    },
    "ended": {
        "fr": "L'appel est terminé ({by}, {reason}).",
        "es": "La llamada ha terminado ({by}, {reason}).",
        "ar": "انتهت المكالمة ({by}، {reason}).",
        "en": "The call has ended ({by}, {reason}).",
    },
    "saved": {
        "fr": "{seconds:.1f} s entendues, écrites dans {path}",
        "es": "{seconds:.1f} s oídos, escritos en {path}",
        "ar": "سُمعت {seconds:.1f} ثانية وحُفظت في {path}",
        "en": "{seconds:.1f} s heard, written to {path}",
    },
    "statistics": {
        "fr": "Paquets : {sent} émis, {received} reçus, {lost} perdus ; gigue {jitter:.1f} ms, trou {gap:.0f} ms",
        "es": "Paquetes: {sent} enviados, {received} recibidos, {lost} perdidos; jitter {jitter:.1f} ms, hueco {gap:.0f} ms",
        "ar": "الحزم: {sent} مرسلة، {received} مستلمة، {lost} مفقودة؛ التذبذب {jitter:.1f} م.ث، أطول فجوة {gap:.0f} م.ث",
        "en": "Packets: {sent} sent, {received} received, {lost} lost; jitter {jitter:.1f} ms, longest gap {gap:.0f} ms",
    },
    "heard": {
        "fr": "Son entendu à {level:.0f} dB.",
        "es": "Sonido oído a {level:.0f} dB.",
        "ar": "سُمع صوت بمستوى {level:.0f} ديسيبل.",
        "en": "Sound was heard at {level:.0f} dB.",
    },
    "silence": {
        "fr": "Rien entendu : la ligne était muette.",
        "es": "No se oyó nada: la línea estaba muda.",
        "ar": "لم يُسمع شيء: الخط صامت.",
        "en": "Nothing was heard: the line was silent.",
    },
}
