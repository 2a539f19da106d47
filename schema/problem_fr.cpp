// Refusals in French. A code without its sentence here does not compile.
#include "schema/language.hpp"

namespace messaging {

std::string_view sentence_fr(Code code) {
    switch (code) {
        case Code::InvalidJson:
            return "La requête n'est pas un objet JSON lisible ici.";
        case Code::BadRequest:
            return "La requête est incompréhensible.";
        case Code::InvalidField:
            return "Cette valeur n'est pas valide\u00A0: {field}.";
        case Code::MissingField:
            return "Cette valeur est obligatoire\u00A0: {field}.";
        case Code::UnknownField:
            return "Ce champ n'existe pas\u00A0: {field}.";
        case Code::InvalidCursor:
            return "Cette page de la liste n'est plus disponible. Reprenez la liste "
                   "depuis le début.";
        case Code::Unauthenticated:
            return "Connectez-vous pour utiliser la messagerie.";
        case Code::ForbiddenOrigin:
            return "Les messages ne peuvent pas être envoyés depuis un autre site.";
        case Code::ForbiddenRole:
            return "Vous ne pouvez pas faire cela.";
        case Code::NotFound:
            return "Cette conversation est introuvable.";
        case Code::MethodNotAllowed:
            return "Cette action n'est pas possible ici.";
        case Code::OtherUser:
            return "Quelqu'un d'autre s'est connecté entre-temps. Rechargez la page.";
        case Code::BodyTooLarge:
            return "Le message est trop long.";
        case Code::UnsupportedMediaType:
            return "La requête doit être du type application/json.";
        case Code::KeyReused:
            return "Cette clé d'idempotence a déjà servi pour une autre requête.";
        case Code::TooManyStreams:
            return "La messagerie est ouverte dans trop de fenêtres. Fermez-en "
                   "quelques-unes.";
        case Code::RateLimited:
            return "C'était très rapide. Veuillez patienter un instant et réessayer.";
        case Code::Ok:
        case Code::Internal:
            return "Une erreur est survenue. Veuillez réessayer.";
        case Code::QueueFull:
            return "La messagerie est très sollicitée. Veuillez réessayer dans un "
                   "instant.";
        case Code::ProfileUnknown:
        case Code::RedisUnavailable:
        case Code::StoreUnavailable:
            return "La messagerie n'est pas disponible pour le moment. Veuillez "
                   "réessayer dans un instant.";
        case Code::SearchTimeout:
            return "La recherche a pris trop de temps. Veuillez réessayer, ou chercher "
                   "moins de mots.";
        case Code::UnsupportedVersion:
            return "La messagerie est en cours de mise à jour. Veuillez réessayer dans "
                   "un instant.";
        case Code::Timeout:
            return "La messagerie a mis trop de temps à répondre. Veuillez réessayer.";
    }
    return sentence_fr(Code::Internal);
}

}  // namespace messaging
