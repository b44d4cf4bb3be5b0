//! GenMsgContent and GenRepContent: the bodies genm and genp, RFC 9810 sections 5.3.19 and 5.3.20.

use crate::general_info::GeneralInfo;

/// `GenMsgContent ::= SEQUENCE OF InfoTypeAndValue`: what is asked for; RFC 9483 section 4.3 wants exactly one.
pub type GenMsgContent = GeneralInfo;

/// `GenRepContent ::= SEQUENCE OF InfoTypeAndValue`: what is known of it.
pub type GenRepContent = GeneralInfo;
