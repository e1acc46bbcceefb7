//! GenerateRandom, GetServiceStatus, ListAlgorithms and GetRegions.

use coffer_protocol::ErrorCode;
use coffer_protocol::key::KeyUsage;
use coffer_protocol::operation::kms::{
    Algorithm, Algorithms, GenerateRandom, GeneratedRandom, GetRegions, GetServiceStatus,
    ListAlgorithms, Regions, ServiceStatus,
};

use super::super::authorized::SecretReply;
use super::super::{Answer, Authorized, Handle, Service};
use super::{in_range, sign};
use crate::Error;
use crate::crypto::random;
use crate::state::device::State;
use crate::vault::{self, Depth};

impl Handle for GenerateRandom {
    type Plan = usize;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        in_range(self.length, 1..=1024, "NumberOfBytes")
    }

    fn check(call: &Authorized<'_, Self>, _service: &Service) -> Result<usize, Error> {
        Ok(usize::try_from(call.request().length).unwrap_or_default())
    }

    fn commit(
        call: Authorized<'_, Self>,
        length: usize,
        service: &Service,
    ) -> Result<Answer<GeneratedRandom>, Error> {
        let mut reply = SecretReply::to(service, call.caller(), length)?;
        vault::run(Depth::Small, |inside| {
            let mut bytes = vec![0; length];
            random::fill(&mut bytes)?;
            Ok::<(), ErrorCode>(reply.push(inside, &bytes)?)
        })??;
        Ok(Answer::secret(GeneratedRandom {}, reply))
    }
}

tells! {
    GetServiceStatus |call, service| -> ServiceStatus {
        let (_, counted) = service.registry.count_keys(call.caller().partition);
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        Ok(Answer::new(ServiceStatus {
            enabled: service.device.state() == State::Operational,
            invalid_type: 1,
            user_level: 1,
            expire_time: 0,
            renew_flag: 0,
            resource: String::new(),
            exclusive_vsm: false,
            exclusive_hsm: false,
            subscription: String::new(),
            key_count: number(counted),
            key_limit: number(service.limits().keys),
            hosted: false,
            data_key_limit: 0,
            free_data_keys: 0,
            data_keys: 0,
            sync_allowed: false,
        }))
    }
}

tells! {
    ListAlgorithms |_call, _service| -> Algorithms {
        let row = |usage: KeyUsage, name: &str| Algorithm {
            key_usage: usage.name().to_owned(),
            algorithm: name.to_owned(),
        };
        let of = |usages: &[KeyUsage]| {
            let specs = |usage: &KeyUsage| {
                let usage = *usage;
                usage.specs().iter().map(move |spec| (usage, spec.name())).collect::<Vec<_>>()
            };
            usages.iter().flat_map(specs).map(|(usage, name)| row(usage, name)).collect()
        };
        Ok(Answer::new(Algorithms {
            symmetric: of(&[KeyUsage::EncryptDecrypt]),
            asymmetric: of(&[
                KeyUsage::DecryptRsa2048,
                KeyUsage::DecryptRsa3072,
                KeyUsage::DecryptRsa4096,
                KeyUsage::DecryptSm2,
            ]),
            signing: sign::algorithms().map(|(usage, name)| row(usage, name)).collect(),
            mac: of(&[KeyUsage::Mac]),
            agreement: of(&[KeyUsage::KeyAgreement]),
        }))
    }
}

tells! {
    GetRegions |_call, service| -> Regions {
        let names = service.partitions.all().into_iter().map(|partition| partition.name.clone());
        Ok(Answer::new(Regions {
            regions: std::iter::once("local".to_owned()).chain(names).collect(),
        }))
    }
}
